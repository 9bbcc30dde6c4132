"""What each screen says, as values: rows, lines and counts, made from `State` alone. No Textual here.

How a screen is added: its row in `catalogue.PAGES`; here a module of its name that makes its content from a `look.Look`
(each table a `listing.Listing`, everything else lines of spans); in `pylb.tui.screens` a module of the same name that
lays the content out. `nodes` is the model for both.
"""
