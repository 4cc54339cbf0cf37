"""The catalogue’s lists.  One file each noun; `references` is what they share."""
