"""Where policies that were saved before 0.1 look for their extractor; nothing else is here."""

import sys

from bvae_rl.sb3 import combined, extractor

sys.modules[f"{__name__}.extractor"] = extractor
sys.modules[f"{__name__}.combined"] = combined
