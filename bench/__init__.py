"""Programs that measure speed: `python3 dev.py bench [NAME…]`.  README.md beside this file says how, and how to add a figure."""
