"""The model file: its card, its parameters, and how both become bytes (docs/format.md)."""
