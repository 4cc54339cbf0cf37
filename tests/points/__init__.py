"""Points: wallets, the ledger, rules, what two people decide, lives, expiry, hints."""
