"""Training: past loans -> the features that serve -> a model, its proof and its card. Needs the extra `train`."""

from meridian.extra import NEEDED
from meridian.training.train import train_product

__all__ = ["NEEDED", "train_product"]
