"""The figures: what pylb costs and how quick it is, each beside a target and a reference measured in the same run."""
