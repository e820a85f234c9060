"""Recipes of pydicom/deid, carried over: text in, a profile, rules and remarks on its lines out (docs/recipes.md).

Pure: no file, no network, and nothing of any image.
"""

from sendit.recipes.carry import Imported, imported
from sendit.recipes.records import RecipeError, Remark

__all__ = ["Imported", "RecipeError", "Remark", "imported"]
