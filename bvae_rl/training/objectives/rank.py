"""What an action says of its latent: which of two states is further along.

    loss = mean of log(1 + exp(-direction * (z(v) - z(u))))

over pairs of which ``direction`` (+1 or -1) is known: rank pairing (Shu et al. 2020, Weakly
supervised disentanglement with guarantees, 1910.09772, section 3.1) with the logistic loss of
RankNet (Burges et al. 2005, eq. 3). There a person ranks; here it is the sign of the agent's own
action. A latent that falls where the joint rises cannot be right, so none folds a joint in two.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import softplus


def rank_loss(mu: Tensor, other: Tensor, direction: Tensor) -> Tensor:
    """Posterior means ``mu`` and those of their partners ``other`` (B, D) -> scalar, in nats.

    ``direction`` (B, D) is 1 where the latent of the partner has to be the larger one, -1 where the
    smaller one, 0 where nothing is known. 0 if nothing is known of any; log 2 at equal latents.
    """
    known = direction != 0
    costs = softplus(-direction * (other - mu))
    return torch.where(known, costs, 0.0).sum() / known.sum().clamp(min=1)
