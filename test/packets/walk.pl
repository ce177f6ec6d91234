# What becomes of packets in the network namespace that this runs in: perl walk.pl INTERFACE... < probes
#
# A shell script on file descriptor 3 sets the namespace up, once the interfaces are there.
# Every interface is a tun device of this process: what it writes there arrives at the node, and what the node sends
# there it reads. The interface `observed` gets a copy of what is delivered to the node itself (see walk.ts).
# A probe on standard input is a line: NUMBER PROTOCOL FROM SOURCE DESTINATION PORT TIMES, FROM an interface or `node`.
# On standard output, for each probe and outcome, a line: NUMBER TIMES OUTCOME. Outcomes:
#   sent DESTINATION PORT SOURCE, delivered DESTINATION PORT SOURCE, refused; several of one packet joined by `+`
# What nothing was seen of is not in the answer.
use strict;
use warnings;
use Socket qw(:DEFAULT inet_pton inet_ntop pack_sockaddr_in6 IPPROTO_RAW IPPROTO_ICMP IPPROTO_ICMPV6);

use constant { TUNSETIFF => 0x400454ca, IFF_TUN => 1, IFF_NO_PI => 0x1000, TCP => 6, UDP => 17, SCTP => 132 };

my %protocols = (TCP => TCP, UDP => UDP, SCTP => SCTP);
my %tuns = map { $_ => open_tun($_) } @ARGV;
socket my $raw4, AF_INET, SOCK_RAW, IPPROTO_RAW or die "raw: $!";
socket my $raw6, AF_INET6, SOCK_RAW, IPPROTO_RAW or die "raw: $!";
# Refusals of what the node itself sent.
socket my $icmp4, AF_INET, SOCK_RAW, IPPROTO_ICMP or die "icmp: $!";
socket my $icmp6, AF_INET6, SOCK_RAW, IPPROTO_ICMPV6 or die "icmp: $!";
my %sources = ((map { fileno $tuns{$_} => [$_, $tuns{$_}] } keys %tuns),
    fileno $icmp4 => ['icmp4', $icmp4], fileno $icmp6 => ['icmp6', $icmp6]);
my %seen;
my $sent = 0;

system('sh', '/dev/fd/3') == 0 or die "the set-up failed";
while (my $line = <STDIN>) {
    my ($number, $protocol, $from, $source, $destination, $port, $times) = split ' ', $line;
    for my $n (0 .. $times - 1) {
        my $packet = packet_of($protocols{$protocol}, $source, $destination, 10_000 + $sent++ % 50_000, $port,
            $number << 12 | $n + 1);
        if ($from eq 'node') {
            if ($destination =~ /:/) { send $raw6, $packet, 0, pack_sockaddr_in6(0, inet_pton(AF_INET6, $destination)) }
            else { send $raw4, $packet, 0, pack_sockaddr_in(0, inet_aton($destination)) }
        } else {
            syswrite $tuns{$from}, $packet or die "$from: $!";
        }
        take(0) if $n % 16 == 15;
    }
    take(0);
}
# What the kernel does later than at once: copies of what is delivered pass a queue.
take(0.2);
my %counts;
for my $id (keys %seen) {
    $counts{$id >> 12}{join '+', @{$seen{$id}}}++;
}
for my $number (sort { $a <=> $b } keys %counts) {
    print "$number $counts{$number}{$_} $_\n" for sort keys %{$counts{$number}};
}

sub open_tun {
    my ($name) = @_;
    open my $tun, '+<', '/dev/net/tun' or die "/dev/net/tun: $!";
    ioctl $tun, TUNSETIFF, pack('a16 s x22', $name, IFF_TUN | IFF_NO_PI) or die "$name: $!";
    return $tun;
}

# Reads what is there, and waits so long for more.
sub take {
    my ($patience) = @_;
    while (1) {
        my $ready = '';
        vec($ready, $_, 1) = 1 for keys %sources;
        return unless select($ready, undef, undef, $patience) > 0;
        for my $number (grep { vec $ready, $_, 1 } keys %sources) {
            my ($name, $handle) = @{$sources{$number}};
            sysread $handle, my $packet, 4096 or next;
            note($name, $packet);
        }
    }
}

sub note {
    my ($name, $packet) = @_;
    # An ICMPv6 socket gives what comes after the IPv6 header.
    my ($protocol, $source, $destination, $rest) = $name eq 'icmp6' ? (58, '', '', $packet) : parse($packet);
    return unless defined $protocol;
    if ($protocol == 1 || $protocol == 58) {
        my ($type, $code) = unpack 'C2', $rest;
        return unless $type == ($protocol == 1 ? 3 : 1) && $code == ($protocol == 1 ? 3 : 4);
        my ($inner, undef, undef, $payload) = parse(substr $rest, 8);
        my $id = defined $inner ? id_of($inner, $payload) : undef;
        push @{$seen{$id}}, 'refused' if defined $id;
        return;
    }
    my $id = id_of($protocol, $rest);
    return unless defined $id;
    my $port = unpack 'x2 n', $rest;
    push @{$seen{$id}}, ($name eq 'observed' ? 'delivered' : 'sent') . " $destination $port $source";
}

# Protocol, addresses and what comes after the header.
sub parse {
    my ($packet) = @_;
    my $version = ord($packet) >> 4;
    if ($version == 4) {
        my $length = (ord($packet) & 15) * 4;
        my ($protocol, $source, $destination) = unpack 'x9 C x2 a4 a4', $packet;
        return ($protocol, inet_ntoa($source), inet_ntoa($destination), substr $packet, $length);
    }
    return unless $version == 6 && length $packet >= 40;
    my ($protocol, $source, $destination) = unpack 'x6 C x a16 a16', $packet;
    return ($protocol, inet_ntop(AF_INET6, $source), inet_ntop(AF_INET6, $destination), substr $packet, 40);
}

# The number that a packet carries where neither translation nor a refusal touches it.
sub id_of {
    my ($protocol, $rest) = @_;
    return unpack 'x4 N', $rest if $protocol == TCP && length $rest >= 8;
    return unpack 'x8 N', $rest if $protocol == UDP && length $rest >= 12;
    return unpack 'x16 N', $rest if $protocol == SCTP && length $rest >= 20;
    return;
}

# The first packet of a connection.
sub packet_of {
    my ($protocol, $source, $destination, $from_port, $port, $id) = @_;
    my $is6 = $source =~ /:/;
    my ($from, $to) = map { inet_pton($is6 ? AF_INET6 : AF_INET, $_) } $source, $destination;
    my $segment = segment_of($protocol, $from_port, $port, $id);
    my $sum_at = $protocol == TCP ? 16 : $protocol == UDP ? 6 : undef;
    if (defined $sum_at) {
        my $pseudo = $from . $to . pack($is6 ? 'N N' : 'x C n', $is6 ? (length $segment, $protocol) : ($protocol, length $segment));
        substr $segment, $sum_at, 2, pack('n', checksum($pseudo . $segment) || 0xffff);
    }
    return pack('N n C C', 6 << 28, length $segment, $protocol, 64) . $from . $to . $segment if $is6;
    my $header = pack 'C C n n n C C n a4 a4', 0x45, 0, 20 + length $segment, 0, 0, 64, $protocol, 0, $from, $to;
    substr $header, 10, 2, pack('n', checksum($header));
    return $header . $segment;
}

sub segment_of {
    my ($protocol, $from_port, $port, $id) = @_;
    return pack 'n n N N n n n n', $from_port, $port, $id, 0, 0x5002, 64_240, 0, 0 if $protocol == TCP;
    return pack 'n n n n N', $from_port, $port, 12, 0, $id if $protocol == UDP;
    # An INIT chunk; nothing here looks at SCTP's own checksum.
    return pack 'n n N N C C n N N n n N', $from_port, $port, 0, 0, 1, 0, 20, $id, 65_536, 1, 1, 1;
}

sub checksum {
    my ($bytes) = @_;
    $bytes .= "\0" if length($bytes) % 2;
    my $sum = 0;
    $sum += $_ for unpack 'n*', $bytes;
    $sum = ($sum & 0xffff) + ($sum >> 16) while $sum >> 16;
    return ~$sum & 0xffff;
}
