"""The container image, made without a daemon, without root and without a registry.

A base layer of Debian's packages (`base`) and a layer of pylb itself (`source`), packed so that the same files give the
same bytes (`layers`, `oci`). Who runs the image, and how, is `pylb.addon.workloads`' matter.
"""
