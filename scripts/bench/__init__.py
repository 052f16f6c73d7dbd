"""``bvae-rl bench NAME``: what things cost, each measured against its target.

``command`` is the command; every other file is one bench, or what benches share.
"""
