"""What the documentation is made with: ``python -m docs.catalogue`` writes the pages of the catalogue for Sphinx."""
