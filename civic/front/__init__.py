"""What stands above all modules and imports no feature: home, search, places, working days, desk, statements."""
