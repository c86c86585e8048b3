"""Who made a product: from which inputs, with which configuration and software."""
