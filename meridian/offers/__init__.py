"""Offers: what of a catalogue of limits, prices and terms an applicant can have, and is best shown."""

from meridian.offers.asking import Applicant, Asked
from meridian.offers.catalogue import Catalogue, CatalogueOffer
from meridian.offers.funnel import offers_for
from meridian.offers.money import cents, dollars
from meridian.offers.offered import AskedFor, Kind, Offered, Removed, Shown, Stage, Why
from meridian.offers.profit import Economics, TakeUp
from meridian.offers.settings import Affordability, BandCap, Budget, OfferSettings, OfferTerms, RungCap, Showing
from meridian.offers.usury import RateCap

__all__ = [
    "Affordability",
    "Applicant",
    "Asked",
    "AskedFor",
    "BandCap",
    "Budget",
    "Catalogue",
    "CatalogueOffer",
    "Economics",
    "Kind",
    "OfferSettings",
    "OfferTerms",
    "Offered",
    "RateCap",
    "Removed",
    "RungCap",
    "Showing",
    "Shown",
    "Stage",
    "TakeUp",
    "Why",
    "cents",
    "dollars",
    "offers_for",
]
