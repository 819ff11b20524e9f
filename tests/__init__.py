"""The tests. A package by name, for some distributions install one of the same name."""
