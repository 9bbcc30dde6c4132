"""Which Service gets which address: requests, pools, what is given, and what is remembered."""
