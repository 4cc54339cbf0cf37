"""The parts of a page that every module uses: preferences, page cache, headers, forms, access, errors, template words."""
