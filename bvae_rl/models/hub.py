"""A VAE by its name: a folder, one that this package ships, or a repository on the Hub.

    vae = from_pretrained("reach_pairs")  # also "runs/vae", or "owner/name" on the Hub
    push_to_hub(vae, "owner/reach-vae")

Every function that takes a ``vae`` finds it by ``load_vae``. Only the Hub needs a network, and the
extra ``hub``; what goes there and comes from there is never a pickle.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bvae_rl.models.earlier import in_todays_words
from bvae_rl.models.vae import BetaVAE, read_config
from bvae_rl.runtime.optional import require
from bvae_rl.runtime.runs import CONFIG_FILE, WEIGHTS_FILE

VAE = BetaVAE | str | Path  # what an argument called ``vae`` takes
SHIPPED = Path(__file__).parents[1] / "checkpoints"
CARD_FILE = "README.md"


def load_vae(
    vae: VAE, *, revision: str | None = None, cache_dir: str | Path | None = None
) -> BetaVAE:
    """The VAE that ``vae`` names; a ``BetaVAE`` is given back as it is.

    ``vae``: a ``BetaVAE``, or a name as ``find_vae`` takes it.
    ``revision``, ``cache_dir``: for a repository on the Hub, as ``find_vae`` takes them.

    Raises what ``find_vae`` raises, TypeError for something else, and ValueError for a damaged VAE
    and for an encoder that was taken out of an agent.
    """
    if isinstance(vae, BetaVAE):
        if not hasattr(vae, "decoder"):
            raise ValueError(
                "this takes a whole VAE, and an encoder that was taken out of an agent has no "
                "decoder; give the VAE that it came from, or train by mode='policy'"
            )
        return vae
    return BetaVAE.load(find_vae(vae, revision=revision, cache_dir=cache_dir))


from_pretrained = load_vae  # the word that users of the Hub know


def find_vae(
    vae: str | Path, *, revision: str | None = None, cache_dir: str | Path | None = None
) -> Path:
    """The folder of a VAE.

    ``vae``: in this order a local folder, a shipped VAE's name (``reach_pairs``), or a repository
    ``owner/name`` on the Hub.
    ``revision``: branch, tag or commit of the repository; default: its newest.
    ``cache_dir``: where the Hub's files are kept, and found again; default: the Hub's own cache.

    Raises ValueError where there is no VAE, where ``revision`` is given for a local one and where
    the Hub cannot be used, ImportError for a repository without the extra ``hub``, and TypeError
    for something that is no name.
    """
    if not isinstance(vae, str | Path):
        raise TypeError(
            f"vae must be a BetaVAE, a VAE's folder or its name, got {type(vae).__name__}"
        )
    local = next((path for path in (Path(vae), SHIPPED / vae) if path.exists()), None)
    if local is not None:
        if revision is not None:
            raise ValueError(f"{local} is a local folder and has no revision {revision!r}")
        read_config(local)
        return local
    repo = str(vae)
    shipped = ", ".join(sorted(path.parent.name for path in SHIPPED.glob(f"*/{CONFIG_FILE}")))
    absent = f"no VAE at {repo}, and the shipped ones are {shipped}"
    folder = Path(vae).parent
    beside = folder.name if folder.is_dir() else ""
    if beside or not _is_repo(repo):
        why = f" (not looked for there, since {folder} is a folder here)" if beside else ""
        raise ValueError(
            f"{absent}; make one (bvae-rl pretrain), or name one on the Hub as owner/name{why}"
        )
    try:
        hub = require("huggingface_hub", extra="hub")
    except ImportError as error:
        raise ImportError(f"{absent}; if {repo} is on the Hub: {error}") from error
    with _explained(repo, revision, context=f"{absent}; "):
        snapshot = hub.snapshot_download(
            repo,
            revision=revision,
            cache_dir=cache_dir,
            allow_patterns=[CONFIG_FILE, WEIGHTS_FILE],  # nothing else is looked at
        )
    try:
        read_config(snapshot)
    except ValueError as error:
        raise ValueError(f"the repository {repo} holds no VAE of bvae_rl: {error}") from error
    return Path(snapshot)


def push_to_hub(
    vae: VAE, repo_id: str, *, private: bool = False, revision: str | None = None
) -> str:
    """Upload a VAE in one commit; return the repository's address.

    Uploaded are the weights, ``config.json`` (with the training's command, its paths and the
    platform) and a card: the folder's own README.md, or else one made from the config.

    ``vae``: a ``BetaVAE``, a folder, or a name; uploaded only if it loads.
    ``repo_id``: ``owner/name``; made if there is none.
    ``private``: whether a new repository is private.
    ``revision``: the branch; default: the main one.

    Raises ValueError where there is no intact VAE, for an impossible name, for ``private`` with a
    repository that is public already, and where the Hub cannot be used; ImportError without the
    extra ``hub``.
    """
    if not _is_repo(repo_id):
        raise ValueError(f"a repository on the Hub is named owner/name, got {repo_id!r}")
    files = _files(vae)
    hub = require("huggingface_hub", extra="hub")
    if CARD_FILE not in files:
        config = in_todays_words(json.loads(files[CONFIG_FILE]))
        files[CARD_FILE] = model_card(config, repo_id).encode()
    with _explained(repo_id, revision):
        api = hub.HfApi()
        url = api.create_repo(repo_id, private=private, exist_ok=True)
        exposed = private and not api.repo_info(repo_id).private
    if exposed:
        raise ValueError(
            f"{repo_id} exists already and is public; make it private in its settings on the Hub, "
            "or choose another name"
        )
    with _explained(repo_id, revision):
        api.create_commit(
            repo_id,
            [hub.CommitOperationAdd(*file) for file in files.items()],
            commit_message="Beta-VAE of bvae_rl",
            revision=revision,
        )
    return str(url)


CARD = """---
{data}
---

# {name}

A Beta-VAE of frames of a reinforcement-learning environment; its posterior means are a policy's
features. Needs `pip install "bvae-rl[hub]"`.

```python
import bvae_rl
from stable_baselines3 import PPO

vae = bvae_rl.from_pretrained("{repo}")
codes = vae.encode_frames(frames)  # uint8 (B, H, W, C) -> (B, D)
model = PPO("CnnPolicy", env, policy_kwargs=bvae_rl.policy_kwargs("{repo}"))
```
"""


def model_card(config: Mapping[str, Any], repo_id: str) -> str:
    """The README (Markdown) of ``repo_id``, from what a VAE's config.json knows."""
    data = require("huggingface_hub", extra="hub").ModelCardData(
        library_name="bvae-rl",
        tags=["beta-vae", "reinforcement-learning", "representation-learning", "stable-baselines3"],
    )
    text = CARD.format(data=data.to_yaml(), name=repo_id.partition("/")[2], repo=repo_id)
    for part in ("model", "training", "scores", "versions"):
        if rows := list(_rows(config.get(part) or {})):
            table = "\n".join(f"| {name} | {_cell(value)} |" for name, value in rows)
            text += f"\n## {part.capitalize()}\n\n| | |\n|---|---|\n{table}\n"
    return text


def _rows(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Names and values of nested settings that are not empty; the model stands in its own part."""
    for name, value in values.items():
        if isinstance(value, Mapping) and name != "model":
            yield from _rows(value, f"{prefix}{name}: ")
        elif value not in (None, [], ()) and name != "model":
            yield f"{prefix}{name}", value


def _cell(value: object) -> str:
    text = f"{value:.5g}" if isinstance(value, float) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")


def _files(vae: VAE) -> dict[str, bytes]:
    """What is uploaded, by file name; of a VAE that loads."""
    if isinstance(vae, BetaVAE):
        before = vae.folder
        with TemporaryDirectory() as folder:
            files = _files(vae.save(folder))
        vae.folder = before
        return files
    found = find_vae(vae)
    BetaVAE.load(found)
    paths = [found / name for name in (CARD_FILE, CONFIG_FILE, WEIGHTS_FILE)]
    return {path.name: path.read_bytes() for path in paths if path.exists()}


def _is_repo(name: str) -> bool:
    return re.fullmatch(r"[\w.-]+/[\w.-]+", name) is not None


@contextmanager
def _explained(repo: str, revision: str | None, *, context: str = "") -> Iterator[None]:
    """Turn what the Hub's client raises into a ValueError that says what to do."""
    errors = require("huggingface_hub.errors", extra="hub")
    try:
        yield
    except errors.RevisionNotFoundError as error:
        raise ValueError(
            f"{repo} has no revision {revision!r} on the Hub; give one of its branches, tags or "
            "commits"
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise ValueError(
            f"{context}the Hub has no repository {repo} that you may use; check the name, and log "
            "in (hf auth login) if it is private"
        ) from error
    except (errors.HTTPError, OSError, ValueError) as error:
        raise ValueError(
            f"{context}the Hub could not be used for {repo}: {' '.join(str(error).split())}; check "
            "the network, your login (hf auth login) and its rights, then try again"
        ) from error
