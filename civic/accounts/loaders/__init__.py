"""The list of staff: logins without a password, and what each may do where."""

from civic.accounts.loaders.staff import STAFF

__all__ = ["STAFF"]
