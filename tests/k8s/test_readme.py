"""k8s/README.md has a section for each overlay, whose commands fit what the overlay makes."""

import re

import pytest

from tests.k8s.manifests import K8S, OVERLAYS
from tests.k8s.places import PLACES


def port_of(address: dict[str, dict[str, int]]) -> str:
    return str(address["socket_address"]["port_value"])


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_section_of_an_overlay(name: str) -> None:
    text = (K8S / "README.md").read_text()
    section = text.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    assert "```mermaid" in section
    assert f"kubectl apply -k k8s/overlays/{name}\n" in section
    bootstrap = PLACES[name]()
    listener = port_of(bootstrap["static_resources"]["listeners"][0]["address"])
    admin = port_of(bootstrap["admin"]["address"])
    assert re.search(rf"port-forward \S+ {listener} {admin} &\n", section)
    at = f"--envoy http://localhost:{listener} --envoy-admin http://localhost:{admin}"
    assert f"oip-translator check {at} --" in section


def test_no_section_is_left_of_what_is_gone() -> None:
    sections = re.findall(r"^## (.+)$", (K8S / "README.md").read_text(), re.MULTILINE)
    assert sorted(sections) == OVERLAYS
