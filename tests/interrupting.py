"""A callback that does something in the middle of an iteration."""

from skorch.callbacks import Callback

# Updates per iteration in tests that use the callback.
N_UPDATES = 12


class AtUpdate(Callback):
    """Call a function in the middle of an iteration, once or in every attempt."""

    def __init__(self, n_iter, what, *, always=False):
        self.n_iter, self.what, self.always, self.done_ = n_iter, what, always, False

    def on_batch_begin(self, net, **kwargs):
        midst = net.n_iter_ == self.n_iter and net.n_steps_ % N_UPDATES == N_UPDATES // 2
        if midst and (self.always or not self.done_):
            self.done_ = True
            self.what(net)


def interrupt(net):
    raise KeyboardInterrupt
