"""Pages of accounts: sign-in, the account page, the desk pages of accounts and of the connection log."""
