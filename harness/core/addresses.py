"""Addresses of stores as they may be shown: without the secrets that some of them carry. Pure."""

from __future__ import annotations

import re

HIDDEN = "***"
"""What stands in place of a secret."""

_LOGIN = re.compile(r"(?<=://)([^/?#@:]*):[^/?#]*@")
_PARAMETER = re.compile(r"([?&][^=&#\s]*(?:pass|pwd|secret|token|key|auth)[^=&#\s]*=)[^&#\s]*", re.IGNORECASE)

_PACKAGES = {"psycopg": "psycopg[binary]", "psycopg2": "psycopg2-binary", "MySQLdb": "mysqlclient"}


def without_password(address: str) -> str:
    """The address with ``***`` in place of its password, and of parameters that are named like one; any other text as it is.

    Args:
        address: ``scheme://user:password@host/...?password=...``, or anything else. An ``@`` or ``:`` in the password need not
            be escaped.
    """
    return _PARAMETER.sub(rf"\1{HIDDEN}", _LOGIN.sub(rf"\1:{HIDDEN}@", address))


def driver_advice(error: BaseException | None) -> str:
    """What to install when a database's driver is missing; empty for any other error, and for what it was caused by."""
    while error is not None:
        if isinstance(error, ImportError) and error.name:
            package = _PACKAGES.get(error.name, error.name)
            return f"pip install '{package}', or name another driver in the address"
        error = error.__cause__ or error.__context__
    return ""
