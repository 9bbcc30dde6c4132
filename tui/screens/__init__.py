"""The screens: each draws the one state its own way."""
