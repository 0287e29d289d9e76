"""A finished scoring as files and on the terminal: JSON, Parquet, one HTML page, a table, and a comparison of two.

Decides and measures nothing; what the numbers mean stands in docs/metrics.md.
"""

from __future__ import annotations

from evaluation.report.content import Content
from evaluation.report.write import write_report

__all__ = ["Content", "write_report"]
