"""The old ConfigMap that somebody wants to import: found in a file, or in what a cluster has.

It finds the text and where it stands, line by line; what it means is not known here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pylb.core.config.objects import GROUP
from pylb.core.legacy import conversion as legacy
from pylb.core.legacy.conversion import TOP_KEYS, Converted
from pylb.core.manifest import Manifest, Place, flatten
from pylb.core.model import ObjectRef
from pylb.core.several import some
from pylb.kube import documents, manifests
from pylb.kube.decode import LEGACY_CONFIG_MAX
from pylb.kube.manifests import STDIN
from pylb.kube.placed import build
from pylb.operate.orders import WrongInput

JSON = Mapping[str, Any]
MAX_NAMED = 5  # objects that a message names


@dataclass(frozen=True, slots=True)
class Old:
    """One old ConfigMap's text, and where it comes from."""

    source: str  # as people call it
    ref: ObjectRef  # a namespace of "" where it tells none
    text: str
    first_line: int = 0  # of the source, on which the text begins; 0 where that is not known

    def places(self) -> Place | None:
        """Where its values stand, by the lines of the source; None where that is not known."""
        if not self.first_line:
            return None
        return next((place for _, place, _ in build(self.text, self.first_line - 1)), None)

    def convert(self) -> Converted:
        """What it says. Raises WrongInput where it is no YAML, or too large."""
        if len(self.text) > LEGACY_CONFIG_MAX:
            raise WrongInput(
                f"{self.source}: data.config has {len(self.text)} characters, and {LEGACY_CONFIG_MAX} are read at most"
            )
        try:
            document = documents.read_texts(self.text)
        except documents.WRONG as error:
            mark = getattr(error, "problem_mark", None)
            at = f":{self.first_line + mark.line}" if self.first_line and mark is not None else ""
            deep = "it is nested too deeply" if isinstance(error, RecursionError) else ""
            said = deep or getattr(error, "problem", None) or " ".join(str(error).split())
            raise WrongInput(f"{self.source}{at}: data.config is not YAML: {said}") from None
        return legacy.convert(document, self.ref)


def called(path: str) -> str:
    """How messages call a file."""
    return "stdin" if path == STDIN else path


def find(source: str, content: bytes) -> Old:
    """The one old ConfigMap of a file: as a manifest, among others, or the bare text of its `data.config`."""
    found = manifests.read(source, content)
    for finding in found.findings:
        fix = f"; {finding.fix}" if finding.fix else ""
        raise WrongInput(f"{source}:{finding.line}: {finding.text}{fix}")
    objects = list(flatten(found.manifests))
    if len(objects) == 1 and not objects[0].kind:
        return _bare(source, objects[0], content)
    texts = [(one, text) for one in objects if (text := _config(one)) is not None]
    if len(texts) == 1:
        [(manifest, text)] = texts
        return Old(source, _reference(manifest), text, manifest.place.find("data.config").text)
    if texts:
        names = some((f"{one.namespace}/{one.name}" for one, _ in texts), MAX_NAMED)
        raise WrongInput(f"{source} has several ConfigMaps with data.config ({names}): leave one of them in")
    raise WrongInput(f"{source} has no ConfigMap with data.config{_instead(objects)}")


def _config(manifest: Manifest) -> str | None:
    data = manifest.raw.get("data")
    text = data.get("config") if manifest.kind == "ConfigMap" and isinstance(data, Mapping) else None
    return text if isinstance(text, str) else None


def _reference(manifest: Manifest) -> ObjectRef:
    return ObjectRef("ConfigMap", manifest.namespace, manifest.name or "config")


def _bare(source: str, manifest: Manifest, content: bytes) -> Old:
    if not TOP_KEYS & set(manifest.raw):
        keys = ", ".join(sorted(TOP_KEYS))
        raise WrongInput(f"{source} is neither a ConfigMap nor the content of one, which has {keys}")
    text = content.decode("utf-8-sig").replace("\r\n", "\n")
    return Old(source, ObjectRef("ConfigMap", "", "config"), text, 1)


def _instead(objects: Iterable[Manifest]) -> str:
    kinds = sorted({one.kind for one in objects})
    if any(one.api_version.startswith(f"{GROUP}/") for one in objects):
        return ": it has resources already, which kubectl apply -f takes"
    return f": it has {some(kinds, MAX_NAMED)}"
