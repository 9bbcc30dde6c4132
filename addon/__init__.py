"""The installer: asks for the range, checks it, renders the manifests. Runs in MicroK8s' own Python 3.10.

It needs the standard library, click and PyYAML alone, and reaches the cluster by kubectl.
"""
