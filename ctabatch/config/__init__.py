"""Strict models of every option."""

from .process import PRODUCTS, ProcessConfig, Product, StereoConfig, products
from .strict import validated

__all__ = ["PRODUCTS", "ProcessConfig", "Product", "StereoConfig", "products", "validated"]
