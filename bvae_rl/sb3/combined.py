"""Dict observations: pictures through the Beta-VAE's encoder, vectors as they are.

kwargs = policy_kwargs("runs/vae", extractor=BetaVAECombinedExtractor)
model = SAC("MultiInputPolicy", env, policy_kwargs=kwargs)
"""

from __future__ import annotations

from bvae_rl.data.frame_layout import image_layouts
from bvae_rl.sb3.extractor import BetaVAEExtractor


class BetaVAECombinedExtractor(BetaVAEExtractor):
    """Features (B, F) of a Dict observation, key by key in the order of the space.

    Every picture (a Box of three dimensions) becomes the posterior means of its frames, all by one
    encoder in one pass; every other key is flattened, discrete ones as one-hot vectors. Arguments
    and errors are those of ``BetaVAEExtractor``.
    """

    _layouts_of = staticmethod(image_layouts)
