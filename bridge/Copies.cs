using System;
using System.Collections.Generic;
using System.IO;
using System.Security.Cryptography;

namespace SRBridge
{
    /// <summary>The runner's copies of scripts and of the files beside them, named by their SHA-256.</summary>
    /// <remarks>
    /// Nothing else is ever loaded, whoever holds the wire. The content is compared with the name, because scripts that run
    /// as the runner's own user can write to the copies.
    /// </remarks>
    internal sealed class Copies
    {
        private const int HashLength = 64;
        private const string Digits = "0123456789abcdef";

        private readonly string _directory;
        private readonly Dictionary<string, string> _own = new Dictionary<string, string>();

        internal Copies(string directory)
        {
            _directory = directory;
        }

        /// <summary>Allows one file that is not a copy: the bridge itself, for the warm-up.</summary>
        /// <returns>The hash that stands for it.</returns>
        internal string Own(string file)
        {
            string hash = HashOf(File.ReadAllBytes(file));
            _own[hash] = file;
            return hash;
        }

        /// <summary>Reads a copy.</summary>
        /// <param name="hash">Its name; null for none.</param>
        /// <param name="path">The path of the script, for the error.</param>
        /// <returns>The content; null when <paramref name="hash"/> is.</returns>
        /// <exception cref="InvalidScriptException">There is no such copy, or it was changed.</exception>
        internal byte[] Read(string hash, string path)
        {
            if (hash == null)
            {
                return null;
            }
            byte[] bytes;
            try
            {
                bytes = File.ReadAllBytes(PathOf(hash, path));
            }
            catch (Exception error) when (error is IOException || error is UnauthorizedAccessException)
            {
                throw new InvalidScriptException(path + ": the runner's copy cannot be read: " + error.Message, error);
            }
            if (HashOf(bytes) != hash)
            {
                throw new InvalidScriptException(path + ": the runner's copy was changed: expected the SHA-256 " + hash, null);
            }
            return bytes;
        }

        /// <summary>Makes the path of a copy; whether there is one is not checked.</summary>
        /// <exception cref="InvalidScriptException"><paramref name="hash"/> is not the name of a copy.</exception>
        internal string PathOf(string hash, string path)
        {
            string own;
            if (_own.TryGetValue(hash, out own))
            {
                return own;
            }
            bool isHash = hash.Length == HashLength;
            for (int i = 0; isHash && i < hash.Length; i++)
            {
                isHash = Digits.IndexOf(hash[i]) >= 0;
            }
            if (!isHash)
            {
                throw new InvalidScriptException(path + ": expected the SHA-256 of a copy, not " + hash, null);
            }
            return Path.Combine(_directory, hash);
        }

        private static string HashOf(byte[] bytes)
        {
            using (SHA256 algorithm = SHA256.Create())
            {
                return BitConverter.ToString(algorithm.ComputeHash(bytes)).Replace("-", "").ToLowerInvariant();
            }
        }
    }
}
