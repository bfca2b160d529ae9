"""A campaign against the toolkit: ``python -m tests.campaign`` kills, fills, damages, repeats, and counts."""
