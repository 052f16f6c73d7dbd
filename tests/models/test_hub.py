"""VAE folders to the Hub and back, with a folder in the place of the Hub."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bvae_rl.models.hub import SHIPPED, find_vae, from_pretrained, load_vae, push_to_hub
from bvae_rl.models.vae import BetaVAE, VAEConfig
from bvae_rl.sb3 import policy_kwargs
from bvae_rl.sb3.copies import same_weights

CONFIG = VAEConfig(shape=(3, 32, 32), latent_dim=4, channels=(8, 8, 8), hidden=16)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    vae = BetaVAE(CONFIG)
    vae.meta = {
        "training": {"command": "bvae-rl pretrain a|b", "model": {"latent_dim": 5}, "start": None},
        "scores": {"validation": {"vae/elbo": 11214.76139}},
    }
    folder = vae.save(tmp_path / "runs" / "vae")
    (folder / "state.pt").write_bytes(b"a pickle")
    return folder


class FakeHub:
    """Repositories as folders, behind the client's own functions."""

    def __init__(self, root: Path) -> None:
        self.root, self.private, self.commits = root, dict[str, bool](), 0

    def create_repo(self, repo_id: str, *, private: bool, exist_ok: bool) -> str:
        assert exist_ok
        self.private.setdefault(repo_id, private)
        (self.root / repo_id).mkdir(parents=True, exist_ok=True)
        return f"https://huggingface.co/{repo_id}"

    def repo_info(self, repo_id: str) -> Any:
        return type("RepoInfo", (), {"private": self.private[repo_id]})

    def create_commit(
        self, repo_id: str, operations: list[Any], *, commit_message: str, revision: str | None
    ) -> None:
        assert commit_message and revision is None
        self.commits += 1
        for operation in operations:
            path = self.root / repo_id / operation.path_in_repo
            path.write_bytes(operation.path_or_fileobj)

    def snapshot_download(
        self, repo_id: str, *, revision: str | None, cache_dir: Any, allow_patterns: list[str]
    ) -> str:
        target = Path(cache_dir or self.root / "cache") / repo_id / (revision or "main")
        found = list((self.root / repo_id).iterdir())
        target.mkdir(parents=True, exist_ok=True)
        for path in found:
            if path.name in allow_patterns:
                shutil.copy(path, target)
        return str(target)


@pytest.fixture
def hub(monkeypatch, tmp_path: Path) -> FakeHub:
    client = pytest.importorskip("huggingface_hub")
    fake = FakeHub(tmp_path / "hub")
    for name in ("create_repo", "repo_info", "create_commit"):
        # `self` of the client's class comes first and is left out
        method = getattr(fake, name)
        monkeypatch.setattr(client.HfApi, name, staticmethod(method))
    monkeypatch.setattr(client, "snapshot_download", fake.snapshot_download)
    return fake


def test_a_vae_comes_back_bit_equal(hub, folder, tmp_path):
    assert push_to_hub(folder, "me/reach.v1") == "https://huggingface.co/me/reach.v1"
    assert hub.commits == 1  # config and weights cannot come apart
    there = hub.root / "me" / "reach.v1"
    assert {path.name for path in there.iterdir()} == {
        "README.md", "config.json", "model.safetensors",
    }  # fmt: skip
    expected = BetaVAE.load(folder)
    shutil.rmtree(folder)
    (there / "model.bin").write_bytes(b"a pickle")

    vae = from_pretrained("me/reach.v1", revision="v1", cache_dir=tmp_path / "cache")
    assert vae.config == CONFIG and vae.meta == expected.meta
    state = expected.state_dict()
    assert all(torch.equal(tensor, state[name]) for name, tensor in vae.state_dict().items())
    kwargs = policy_kwargs("me/reach.v1", standardise=False)  # downloaded for good, by its id
    found = Path(kwargs["features_extractor_kwargs"]["checkpoint"])
    assert {path.name for path in found.iterdir()} == {"config.json", "model.safetensors"}


def test_a_vae_in_memory_is_pushed_as_it_is(hub, folder):
    vae = BetaVAE.load(folder)
    with torch.no_grad():
        next(vae.encoder.parameters()).add_(1.0)
    push_to_hub(vae, "me/moved")
    assert same_weights(load_vae("me/moved").state_dict(), vae.state_dict())
    assert load_vae(vae) is vae is from_pretrained(vae)
    assert "| latent_dim | 4 |" in (hub.root / "me" / "moved" / "README.md").read_text()


def test_the_card_says_what_the_config_knows(hub, folder):
    push_to_hub(folder, "me/reach")
    card = (hub.root / "me" / "reach" / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: bvae-rl\n")
    assert 'from_pretrained("me/reach")' in card
    rows = {line for line in card.splitlines() if line.startswith("| ")}
    assert rows >= {
        "| latent_dim | 4 |",
        r"| command | bvae-rl pretrain a\|b |",
        "| validation: vae/elbo | 11215 |",
        f"| torch | {torch.__version__} |",
    }
    assert rows.isdisjoint({"| model: latent_dim | 5 |", "| start | None |"})


def test_a_card_of_ones_own_is_kept(hub, folder):
    (folder / "README.md").write_text("mine")
    push_to_hub(folder, "me/reach")
    assert (hub.root / "me" / "reach" / "README.md").read_text() == "mine"


def test_a_shipped_vae_can_be_pushed_and_is_found_by_name(hub, monkeypatch):
    push_to_hub("reach_plain", "me/copy")
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)  # not needed for what is here
    assert find_vae("reach_plain") == SHIPPED / "reach_plain"
    frames = np.zeros((1, 64, 64, 3), np.uint8)
    vae = from_pretrained(hub.root / "me" / "copy")
    assert np.array_equal(
        vae.encode_frames(frames), from_pretrained("reach_plain").encode_frames(frames)
    )


def test_a_broken_folder_is_not_uploaded(hub, folder):
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])
    with pytest.raises(ValueError, match="truncated"):
        push_to_hub(folder, "me/reach")
    for nothing in (folder.parent, folder.parent / "typo", "runs/typo"):
        with pytest.raises(ValueError, match="no VAE at"):
            push_to_hub(nothing, "me/reach")
    with pytest.raises(TypeError, match=r"vae must be a BetaVAE, .* got int"):
        push_to_hub(3, "me/reach")
    assert not hub.root.exists()


def test_a_private_vae_does_not_go_to_a_public_repository(hub, folder):
    push_to_hub(folder, "me/secret", private=True)
    assert hub.private == {"me/secret": True} and hub.commits == 1
    push_to_hub(folder, "me/open")
    with pytest.raises(ValueError, match="me/open exists already and is public"):
        push_to_hub(folder, "me/open", private=True)
    assert hub.commits == 2


def test_a_mistyped_folder_is_not_asked_of_the_hub(hub, folder, monkeypatch):
    monkeypatch.chdir(folder.parents[1])
    with pytest.raises(ValueError, match=r"no VAE at runs/typo, .* make one"):
        from_pretrained("runs/typo")


@pytest.mark.parametrize("name", ["reach", "https://huggingface.co/me/reach", "me/", "a b/c"])
def test_names_that_cannot_be_are_refused(hub, folder, name):
    with pytest.raises(ValueError, match="on the Hub is named owner/name"):
        push_to_hub(folder, name)
    with pytest.raises(
        ValueError,
        match=r"no VAE at .* reach_crossed_hardened, reach_pairs, reach_plain; .* owner/name",
    ):
        from_pretrained(name)


def test_a_revision_of_a_local_folder_is_refused(folder):
    with pytest.raises(ValueError, match="local folder and has no revision 'v1'"):
        from_pretrained(folder, revision="v1")


def test_a_repository_without_a_vae_says_so(hub, tmp_path):
    (hub.root / "me" / "other").mkdir(parents=True)
    with pytest.raises(ValueError, match="me/other holds no VAE of bvae_rl: no VAE at"):
        from_pretrained("me/other", cache_dir=tmp_path)


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("RepositoryNotFoundError", r"no VAE at me/x.*no repository me/x .*hf auth login"),
        ("RevisionNotFoundError", "me/x has no revision 'v1'"),
        ("HfHubHTTPError", "could not be used for me/x: 503 for me/x.*check the network"),
    ],
)
def test_what_the_hub_answers_is_explained(hub, folder, monkeypatch, name, match):
    client = pytest.importorskip("huggingface_hub")
    httpx = pytest.importorskip(client.errors.HTTPError.__module__.partition(".")[0])
    response = httpx.Response(503, request=httpx.Request("GET", "https://huggingface.co"))

    def answer(repo_id: str, *args: Any, **kwargs: Any) -> None:
        raise getattr(client.errors, name)(f"503 for\n{repo_id}", response=response)

    monkeypatch.setattr(client, "snapshot_download", answer)
    monkeypatch.setattr(client.HfApi, "create_commit", staticmethod(answer))
    with pytest.raises(ValueError, match=match):
        from_pretrained("me/x", revision="v1")
    with pytest.raises(ValueError, match=match.replace("no VAE at me/x.*", "")):
        push_to_hub(folder, "me/x", revision="v1")


def test_without_a_network_the_client_is_explained_too(monkeypatch, tmp_path):
    client = pytest.importorskip("huggingface_hub")
    monkeypatch.setattr(client.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ValueError, match=r"could not be used for me/x: .*; check the network"):
        from_pretrained("me/x", cache_dir=tmp_path)


def test_without_the_package_the_extra_is_named(folder, monkeypatch):
    monkeypatch.chdir(folder)  # where no folder is called runs
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ImportError, match=r"no VAE at runs/typo, .*bvae-rl\[hub\]"):
        from_pretrained("runs/typo")
    with pytest.raises(ImportError, match=r"bvae-rl\[hub\]"):
        push_to_hub(folder, "me/reach")
