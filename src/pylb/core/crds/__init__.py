"""The kinds of `metallb.io`: one table, and whether an object has the shape that it gives."""
