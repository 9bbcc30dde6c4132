"""The screens: each draws the one state its own way, in the frame of `page.PageScreen`.

How a screen is added: `pylb.tui.pages` says. Here it is a subclass of `PageScreen` in a module of the page's name:
`page` names it, `body` yields its widgets (a `widgets.pane.Pane` for each table), `draw` hands them content made by its
page module, and `BINDINGS` are its own keys, each with an id that begins with the page's key. Everything else (title,
status, keys, filter, sort, copy, export, help, extras) is the frame's. Instances live as long as the app.
"""
