"""A package that adds components to ctabatch: what a third party would install."""
