# --- the residual block -----------------------------------------------------------------------------------------------


def settled(module: nn.Module) -> nn.Module:
    """In evaluation mode, with statistics of batch normalisation that are not 0 and 1."""
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.running_mean)
            nn.init.uniform_(layer.running_var, 0.5, 2)
            nn.init.normal_(layer.weight)
            nn.init.normal_(layer.bias)
    return module.eval()


@pytest.mark.parametrize(("in_channels", "channels", "stride"), [(6, 6, 1), (4, 6, 1), (6, 6, 2), (4, 8, 2)])
def test_a_plain_residual_block_is_torchvisions(in_channels, channels, stride):
    torch.manual_seed(0)
    block = settled(BasicBlock(in_channels, channels, stride))
    downsample = block.downsample if stride == 2 or in_channels != channels else None
    peer = resnet.BasicBlock(in_channels, channels, stride, downsample).eval()
    peer.load_state_dict(block.state_dict())
    x = noise(2, in_channels, 9, 6)
    torch.testing.assert_close(block(x), peer(x))


@pytest.mark.parametrize(("stride", "shape"), [(1, (2, 8, 9, 7)), (2, (2, 8, 5, 4))])
def test_a_residual_block_rounds_odd_sizes_up(stride, shape):
    assert BasicBlock(4, 8, stride)(noise(2, 4, 9, 7)).shape == shape


def test_attention_acts_on_the_branch_before_the_addition():
    torch.manual_seed(0)
    block = settled(BasicBlock(8, 8, attention=lambda channels: SqueezeExcitation(channels, 2)))
    x = noise(2, 8, 5, 5)
    u = block.bn2(block.conv2(torch.relu(block.bn1(block.conv1(x)))))
    s = block.attention.excite(u.mean((2, 3)))
    torch.testing.assert_close(block(x), torch.relu(x + u * s[:, :, None, None]))


def test_attention_is_made_for_the_channels_of_the_output():
    block = BasicBlock(4, 12, stride=2, attention=lambda channels: SqueezeExcitation(channels, 3))
    assert block.attention.channels == 12
