"""What the embedded API server promises, asserted in the same tests against it and against a real kube-apiserver.

Each test is one promise: its docstring is a sentence of docs/conformance.md, its name without `test_` the promise's
id. Where the two servers differ on purpose, `differences` says so, and the test asserts both answers.
"""
