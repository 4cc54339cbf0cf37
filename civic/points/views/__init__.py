"""Pages of points: one's own wallet and the rules for everybody, the desk of wallets, proposals and rules."""
