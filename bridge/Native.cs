using System;
using System.Runtime.InteropServices;

namespace SRBridge
{
    /// <summary>The few calls of libc that the bridge needs below Mono's streams.</summary>
    internal static class Native
    {
        internal const int EINTR = 4;
        internal const int SIGABRT = 6;
        internal const int SIGKILL = 9;
        internal const short POLLIN = 0x1;
        internal const short POLLERR = 0x8;
        internal const short POLLHUP = 0x10;
        private const int FDupFdCloexec = 1030;
        private const int ORdOnly = 0;
        private const int EfdCloexec = 0x80000;

        [StructLayout(LayoutKind.Sequential)]
        internal struct PollFd
        {
            internal int Fd;
            internal short Events;
            internal short Returned;
        }

        [DllImport("libc", EntryPoint = "fcntl", SetLastError = true)]
        private static extern int Fcntl(int fd, int command, int argument);

        [DllImport("libc", EntryPoint = "dup2", SetLastError = true)]
        private static extern int Dup2(int from, int to);

        [DllImport("libc", EntryPoint = "open", SetLastError = true)]
        private static extern int Open(string path, int flags);

        [DllImport("libc", EntryPoint = "close")]
        private static extern int Close(int fd);

        [DllImport("libc", EntryPoint = "symlink")]
        private static extern int SymbolicLink(string target, string path);

        [DllImport("libc", EntryPoint = "fchdir")]
        private static extern int ChangeDirectory(int directory);

        [DllImport("__Internal", EntryPoint = "mono_runtime_set_main_args")]
        private static extern int SetMainArgs(int count, [In] IntPtr[] arguments);

        [DllImport("libc", EntryPoint = "dlsym")]
        private static extern IntPtr Symbol(IntPtr library, string name);

        [DllImport("libc", EntryPoint = "read", SetLastError = true)]
        private static extern IntPtr Read(int fd, IntPtr buffer, IntPtr length);

        [DllImport("libc", EntryPoint = "write", SetLastError = true)]
        private static extern IntPtr Write(int fd, IntPtr buffer, IntPtr length);

        [DllImport("libc", EntryPoint = "read", SetLastError = true)]
        private static extern IntPtr ReadWord(int fd, ref ulong value, IntPtr length);

        [DllImport("libc", EntryPoint = "write", SetLastError = true)]
        private static extern IntPtr WriteWord(int fd, ref ulong value, IntPtr length);

        [DllImport("libc", EntryPoint = "eventfd", SetLastError = true)]
        private static extern int EventFd(uint initial, int flags);

        [DllImport("libc", EntryPoint = "poll", SetLastError = true)]
        internal static extern int Poll([In, Out] PollFd[] fds, UIntPtr count, int timeoutMs);

        [DllImport("libc", EntryPoint = "signal")]
        private static extern IntPtr Signal(int number, IntPtr handler);

        [DllImport("libc", EntryPoint = "kill")]
        private static extern int Kill(int pid, int signal);

        [DllImport("libc", EntryPoint = "getpgrp")]
        private static extern int GetProcessGroup();

        [DllImport("libc", EntryPoint = "getpid")]
        internal static extern int GetPid();

        [DllImport("libc", EntryPoint = "_exit")]
        private static extern void ExitNow(int code);

        /// <summary>Makes a symbolic link. An error is ignored: then there is no link.</summary>
        internal static void Link(string target, string path)
        {
            SymbolicLink(target, path);
        }

        /// <summary>Sets what <c>Environment.GetCommandLineArgs</c> returns from now on: one word.</summary>
        internal static void SetCommandLine(string program)
        {
            byte[] text = System.Text.Encoding.UTF8.GetBytes(program + "\0");
            IntPtr place = Marshal.AllocHGlobal(text.Length);
            Marshal.Copy(text, 0, place, text.Length);
            SetMainArgs(1, new[] { place });
            Marshal.FreeHGlobal(place); // the runtime has its own copy
        }

        /// <summary>
        /// Moves the wire from fds 0 and 1 to private descriptors that no child inherits. After that 0 reads /dev/null and
        /// 1 writes to stderr, so that no print, child or native library can damage a line.
        /// </summary>
        /// <exception cref="InvalidOperationException">The descriptors cannot be moved.</exception>
        internal static void ClaimWire(out int reads, out int writes)
        {
            reads = Fcntl(0, FDupFdCloexec, 10);
            writes = Fcntl(1, FDupFdCloexec, 10);
            int nothing = Open("/dev/null", ORdOnly);
            if (reads < 0 || writes < 0 || nothing < 0 || Dup2(nothing, 0) < 0 || Dup2(2, 1) < 0)
            {
                throw new InvalidOperationException("cannot claim fds 0 and 1: errno " + Marshal.GetLastWin32Error());
            }
            Close(nothing);
        }

        /// <summary>
        /// Gives SIGABRT its default action, so that FailFast ends the process within milliseconds: mono's crash reporter
        /// would run gdb first.
        /// </summary>
        internal static void DieQuickly()
        {
            Signal(SIGABRT, IntPtr.Zero);
        }

        /// <summary>Reads the number of threads of this process, which glibc counts for debuggers (nptl_db).</summary>
        /// <returns>The number; -1 when this glibc does not show it.</returns>
        internal static unsafe int ThreadCount()
        {
            return Threads == IntPtr.Zero ? -1 : *(int*)Threads;
        }

        /// <summary>Opens the working directory, for <see cref="GoTo"/>.</summary>
        /// <returns>A descriptor that no child inherits; negative when it cannot be opened.</returns>
        internal static int OpenCurrentDirectory()
        {
            const int pathOnly = 0x200000, closeOnExec = 0x80000;
            return Open(".", pathOnly | closeOnExec);
        }

        /// <summary>Makes an open directory the working directory. A closed descriptor changes nothing.</summary>
        internal static void GoTo(int directory)
        {
            ChangeDirectory(directory);
        }

        private static readonly IntPtr Variables = Find("environ");
        private static readonly IntPtr Threads = Find("__nptl_nthreads");

        private static IntPtr Find(string symbol)
        {
            try
            {
                return Symbol(IntPtr.Zero, symbol);
            }
            catch (EntryPointNotFoundException)
            {
                return IntPtr.Zero; // glibc before 2.34 keeps dlsym in another library
            }
        }

        /// <summary>
        /// A sum that changes whenever a variable of the environment is set or removed. It is made of pointers, because
        /// glibc allocates a new string for each value.
        /// </summary>
        /// <returns>The sum; always 0 when the environment cannot be found.</returns>
        internal static unsafe long EnvironmentSum()
        {
            long sum = 0;
            for (long* text = Variables == IntPtr.Zero ? null : *(long**)Variables; text != null && *text != 0; text++)
            {
                sum = sum * 31 + *text;
            }
            return sum;
        }

        /// <summary>Makes an eventfd that no child inherits, lowered.</summary>
        internal static int NewEvent()
        {
            return EventFd(0, EfdCloexec);
        }

        /// <summary>Makes an eventfd readable.</summary>
        internal static void Raise(int eventFd)
        {
            ulong one = 1;
            WriteWord(eventFd, ref one, (IntPtr)8);
        }

        /// <summary>Makes an eventfd that is readable unreadable again.</summary>
        internal static void Lower(int eventFd)
        {
            ulong value = 0;
            ReadWord(eventFd, ref value, (IntPtr)8);
        }

        /// <summary>Reads what has arrived, and waits when nothing has.</summary>
        /// <returns>The number of bytes; 0 at the end of the stream, and when it cannot be read.</returns>
        internal static unsafe int Receive(int fd, byte[] buffer, int offset)
        {
            fixed (byte* start = buffer)
            {
                while (true)
                {
                    int count = (int)Read(fd, (IntPtr)(start + offset), (IntPtr)(buffer.Length - offset));
                    if (count >= 0)
                    {
                        return count;
                    }
                    if (Marshal.GetLastWin32Error() != EINTR)
                    {
                        return 0;
                    }
                }
            }
        }

        /// <summary>Writes all bytes. Mono ignores SIGPIPE, so a closed wire is an error and not a signal.</summary>
        /// <returns>False when they cannot be written because the other side has gone.</returns>
        internal static unsafe bool SendAll(int fd, byte[] buffer, int offset, int length)
        {
            fixed (byte* start = buffer)
            {
                int end = offset + length;
                while (offset < end)
                {
                    int count = (int)Write(fd, (IntPtr)(start + offset), (IntPtr)(end - offset));
                    if (count >= 0)
                    {
                        offset += count;
                    }
                    else if (Marshal.GetLastWin32Error() != EINTR)
                    {
                        return false;
                    }
                }
                return true;
            }
        }

        /// <summary>Ends this process and every child that scripts left behind. A worker lives as long as its wire.</summary>
        internal static void EndGroup()
        {
            if (GetProcessGroup() == GetPid())
            {
                Kill(0, SIGKILL);
            }
            ExitNow(0);
        }
    }
}
