"""Addresses of stores as they may be shown: without the password that some of them carry. Pure."""

from __future__ import annotations

import re

HIDDEN = "***"
"""What stands in place of a password."""

_LOGIN = re.compile(r"(?<=://)([^/?#@:]*):[^/?#]*@")


def without_password(address: str) -> str:
    """The address with ``***`` in place of its password; any other text as it is.

    Args:
        address: ``scheme://user:password@host/...``, or anything else. An ``@`` or ``:`` in the password need not be escaped.
    """
    return _LOGIN.sub(rf"\1:{HIDDEN}@", address)
