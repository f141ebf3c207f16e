"""The bundle: model.json, its variants, and its signature."""
