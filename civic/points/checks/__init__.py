"""What `civic check` asks of points."""

from civic.points.checks.ledger import BOOK, CHECKS

__all__ = ["BOOK", "CHECKS"]
