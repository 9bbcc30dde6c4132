"""Why things are as they are, and what helps: of one Service, and of an installation."""
