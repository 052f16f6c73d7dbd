"""VAE folders on the Hugging Face Hub: one commit of config, weights and a card; never pickle.

    push_to_hub("runs/vae", "someone/reach-vae")
    vae = from_pretrained("someone/reach-vae")
    PPO("CnnPolicy", env, policy_kwargs=policy_kwargs(find_vae("someone/reach-vae")))

A local folder, or the name of a checkpoint that this package ships, needs neither the Hub's package
(extra ``hub``) nor a network.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bvae_rl.models.vae import BetaVAE, read_config
from bvae_rl.runtime.optional import require
from bvae_rl.runtime.runs import CONFIG_FILE, WEIGHTS_FILE

SHIPPED = Path(__file__).parents[1] / "checkpoints"
CARD_FILE = "README.md"


def from_pretrained(
    name: str | Path, *, revision: str | None = None, cache_dir: str | Path | None = None
) -> BetaVAE:
    """Load a VAE by ``name``: see ``find_vae`` for the arguments. ValueError for a damaged one."""
    return BetaVAE.load(find_vae(name, revision=revision, cache_dir=cache_dir))


def find_vae(
    name: str | Path, *, revision: str | None = None, cache_dir: str | Path | None = None
) -> Path:
    """The folder of a VAE, as ``policy_kwargs`` and ``BetaVAE.load`` take it.

    ``name`` is, in this order, a local folder, a shipped checkpoint (``reach_pairs``), or a
    repository ``owner/name`` on the Hub, which is downloaded at ``revision`` (branch, tag or
    commit) into ``cache_dir`` (default: the Hub's own cache) unless it is there already.

    Raises ValueError where there is no VAE, where ``revision`` is given for a local one and where
    the Hub cannot be used, and ImportError for a repository without the extra ``hub``.
    """
    local = _local(name)
    if local is not None:
        if revision is not None:
            raise ValueError(f"{local} is a local folder and has no revision {revision!r}")
        read_config(local)
        return local
    repo = str(name)
    absent = f"no VAE at {repo}, and the shipped checkpoints are {_shipped()}"
    if not _is_repo(repo):
        raise ValueError(
            f"{absent}; make one (bvae-rl pretrain), or name one on the Hub as owner/name"
        )
    try:
        hub = require("huggingface_hub", extra="hub")
    except ImportError as error:
        raise ImportError(f"{absent}; if {repo} is on the Hub: {error}") from error
    with _explained(repo, revision, context=f"{absent}; "):
        folder = hub.snapshot_download(
            repo,
            revision=revision,
            cache_dir=cache_dir,
            allow_patterns=[CONFIG_FILE, WEIGHTS_FILE],  # nothing else is looked at
        )
    try:
        read_config(folder)
    except ValueError as error:
        raise ValueError(f"the repository {repo} holds no VAE of bvae_rl: {error}") from error
    return Path(folder)


def push_to_hub(
    folder: str | Path, repo_id: str, *, private: bool = False, revision: str | None = None
) -> str:
    """Upload the VAE in ``folder`` (or a shipped one) to ``repo_id``; return the address.

    One commit, on the branch ``revision``, to a repository that is made if there is none: the
    weights, ``config.json`` (which holds the training's command, its paths and the platform) and a
    card, which is the folder's own README.md or else made from the config. Nothing is uploaded
    unless the folder loads.

    Raises ValueError for a folder without an intact VAE, an impossible name, ``private`` with a
    repository that is public already, and where the Hub cannot be used; ImportError without the
    extra ``hub``.
    """
    if not _is_repo(repo_id):
        raise ValueError(f"a repository on the Hub is named owner/name, got {repo_id!r}")
    local = vae_folder(folder)
    BetaVAE.load(local)  # whole, with weights that belong to the config
    own = local / CARD_FILE
    card = own.read_bytes() if own.exists() else model_card(read_config(local), repo_id).encode()
    files = {name: (local / name).read_bytes() for name in (CONFIG_FILE, WEIGHTS_FILE)}
    hub = require("huggingface_hub", extra="hub")
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
            [hub.CommitOperationAdd(*file) for file in ({CARD_FILE: card} | files).items()],
            commit_message="Beta-VAE of bvae_rl",
            revision=revision,
        )
    return str(url)


def model_card(config: Mapping[str, Any], repo_id: str) -> str:
    """The README (Markdown) of ``repo_id``, from what a VAE's config.json knows."""
    lines = [
        "---",
        "library_name: bvae-rl",
        "tags: [beta-vae, reinforcement-learning, representation-learning, stable-baselines3]",
        "---",
        "",
        f"# {repo_id.partition('/')[2]}",
        "",
        "A Beta-VAE of frames of a reinforcement-learning environment; its posterior means are a",
        'policy\'s features. Needs `pip install "bvae-rl[hub]"`.',
        "",
        "```python",
        "from stable_baselines3 import PPO",
        "from bvae_rl import policy_kwargs",
        "from bvae_rl.models.hub import find_vae, from_pretrained",
        "",
        f'vae = from_pretrained("{repo_id}")',
        "codes = vae.encode_frames(frames)  # uint8 (B, H, W, C)",
        f'model = PPO("CnnPolicy", env, policy_kwargs=policy_kwargs(find_vae("{repo_id}")))',
        "```",
    ]
    for part in ("model", "training", "scores", "versions"):
        if rows := list(_rows(config.get(part) or {})):
            lines += ["", f"## {part.capitalize()}", "", "| | |", "|---|---|"]
            lines += [f"| {name} | {_cell(value)} |" for name, value in rows]
    return "\n".join(lines) + "\n"


def _rows(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Names and values of nested settings, without empty ones; the model's are told once."""
    for name, value in values.items():
        if isinstance(value, Mapping) and name != "model":
            yield from _rows(value, f"{prefix}{name}: ")
        elif value not in (None, [], ()) and name != "model":
            yield f"{prefix}{name}", value


def _cell(value: object) -> str:
    text = f"{value:.5g}" if isinstance(value, float) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")


def vae_folder(name: str | Path) -> Path:
    """``name`` itself, or the shipped checkpoint of that name if there is no such folder.

    ValueError if there is neither, TypeError for something else than a name.
    """
    if not isinstance(name, str | Path):
        raise TypeError(f"give the folder or the name of a VAE, got {type(name).__name__}")
    found = _local(name)
    if found is None:
        raise ValueError(
            f"no VAE at {name}; shipped are {_shipped()}; make one (bvae-rl pretrain), or fetch "
            "one from the Hub with find_vae('owner/name')"
        )
    return found


def _shipped() -> str:
    return ", ".join(sorted(path.parent.name for path in SHIPPED.glob(f"*/{CONFIG_FILE}")))


def _local(name: str | Path) -> Path | None:
    return next((path for path in (Path(name), SHIPPED / name) if path.exists()), None)


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
