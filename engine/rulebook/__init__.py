"""YAML text to model and back: text in, types or a list of located problems out."""
