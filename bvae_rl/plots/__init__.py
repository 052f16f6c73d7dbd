"""Pictures: one function each, arrays in, a matplotlib ``Figure`` out (no pyplot, no display).

Each draws on a given ``ax`` (``figure`` where it takes several axes), or makes a figure of its own,
``width`` inches wide where that is asked for. ``saved`` makes a PNG or a PDF of it; ``gif`` and
``mp4`` make films of pages. A new picture is a new file, or a new function in the file of its
family. Read ``style`` first.
"""

from bvae_rl.plots.animation import back_and_forth, gif, mp4, traversal_pages
from bvae_rl.plots.factors import factor_heatmap, kl_bars
from bvae_rl.plots.images import frame_sheet, reconstructions, swap_grid
from bvae_rl.plots.panels import metric_panels
from bvae_rl.plots.rate_distortion import rate_distortion
from bvae_rl.plots.scatter import latent_pairs, latent_scatter
from bvae_rl.plots.scores import learning_curves, transfer_bars
from bvae_rl.plots.style import method_colour, method_label, png, saved
from bvae_rl.plots.timelines import timelines
from bvae_rl.plots.traversals import traversal_grid

__all__ = [
    "back_and_forth", "factor_heatmap", "frame_sheet", "gif", "kl_bars", "latent_pairs",
    "latent_scatter", "learning_curves", "method_colour", "method_label", "metric_panels", "mp4",
    "png", "rate_distortion", "reconstructions", "saved", "swap_grid", "timelines",
    "transfer_bars", "traversal_grid", "traversal_pages",
]  # fmt: skip
