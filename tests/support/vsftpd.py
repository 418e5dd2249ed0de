"""vsftpd, and a client."""

import ftplib

from support.host import Host
from support.place import PATIENCE, Daemon, accepts, free_port
from support.servers import find_program

CONFIG = """listen=YES
listen_address=127.0.0.1
listen_port={port}
background=NO
local_enable=YES
pam_service_name=vsftpd
secure_chroot_dir={empty}
seccomp_sandbox=NO
log_ftp_protocol=YES
xferlog_enable=YES
xferlog_std_format=NO
vsftpd_log_file={log}
delay_failed_login=0
session_support=YES
"""


class VsftpdServer(Daemon):
    name = "vsftpd"
    good = (-15,)

    def __init__(self, house):
        super().__init__(house.place)
        self.port = free_port()
        empty = self.place.path / "vsftpd-empty"
        empty.mkdir(0o755)
        conf = self.place.write("vsftpd.conf", CONFIG.format(
            port=self.port, empty=empty,
            log=self.place.path / "vsftpd-protocol.log"))
        self.argv = house.machine.enter(find_program("vsftpd"), conf)

    def ready(self):
        return accepts(f"127.0.0.1:{self.port}")


class Vsftpd(Host):
    name = "vsftpd"
    service = "vsftpd"
    longest = 128

    def prepare(self):
        self.server = self.house.server(VsftpdServer)

    def login(self, user, secret):
        with ftplib.FTP(timeout=PATIENCE) as ftp:
            ftp.connect("127.0.0.1", self.server.port)
            try:
                ftp.login(user, secret)
            except ftplib.error_perm as error:
                self.note(f"{error}\n")
                assert str(error).startswith("530"), error
                return False
            ftp.pwd()
            return True
