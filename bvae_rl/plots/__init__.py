"""Pictures: one function each, arrays in, a matplotlib ``Figure`` out (no pyplot, no display).

A new picture is a new file, or a new function in the file of its family. Read ``style`` first.
"""

from bvae_rl.plots.factors import factor_heatmap, kl_bars
from bvae_rl.plots.images import frame_sheet, reconstructions, traversal_grid
from bvae_rl.plots.panels import metric_panels
from bvae_rl.plots.scores import learning_curves, transfer_bars
from bvae_rl.plots.style import method_colour, method_label, png
from bvae_rl.plots.timelines import timelines

__all__ = [
    "factor_heatmap", "frame_sheet", "kl_bars", "learning_curves", "method_colour", "method_label",
    "metric_panels", "png", "reconstructions", "timelines", "transfer_bars", "traversal_grid",
]  # fmt: skip
