"""What stands under all modules and knows none of them: database, transactions, viewers, search, loading, pages."""
