"""``bvae-rl harden``: a VAE learns to ignore what the state does not depend on.

``command`` is the command; ``agent`` mends an agent on it, ``own`` collects that agent's frames.
"""
