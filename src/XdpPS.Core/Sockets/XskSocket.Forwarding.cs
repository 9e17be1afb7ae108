namespace XdpPS;

/// <content>Its part in forwarding.</content>
public sealed partial class XskSocket
{
    /// <summary>A direction from this socket. Who asks has claimed this to receive and the other to send.</summary>
    internal ForwardPath ForwardTo(XskSocket to, IFrameFilter? drop, AddressRewrite? addresses, TimeSpan patience) =>
        new(this, receive!, to, to.transmit!, drop, addresses, patience);
}
