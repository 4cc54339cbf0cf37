"""The lists of `territory`: territories, bodies, organisations, buildings, stations.  One file each; `references` is what they share."""
