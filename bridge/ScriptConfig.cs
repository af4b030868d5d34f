using System;
using System.Configuration;
using System.Configuration.Internal;
using System.Reflection;

namespace SRBridge
{
    /// <summary>Lets <c>ConfigurationManager</c> answer from the running script's own <c>X.exe.config</c>.</summary>
    /// <remarks>Mono does not read the configuration of an assembly that was loaded from bytes.</remarks>
    internal sealed class ScriptConfig : IInternalConfigSystem
    {
        private static readonly MethodInfo RuntimeObject = typeof(ConfigurationSection).GetMethod(
            "GetRuntimeObject", BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public);

        private static ScriptConfig s_installed;

        private readonly IInternalConfigSystem _own;
        private Configuration _current;

        private ScriptConfig(IInternalConfigSystem own)
        {
            _own = own;
        }

        bool IInternalConfigSystem.SupportsUserConfig
        {
            get { return false; }
        }

        /// <summary>Opens a script's configuration.</summary>
        /// <param name="copy">The path of its copy; null for a script without one.</param>
        /// <param name="path">The path of the script, for the error.</param>
        /// <returns>The configuration; null for a script without one.</returns>
        /// <exception cref="InvalidScriptException">The file is not a configuration.</exception>
        internal static Configuration Open(string copy, string path)
        {
            if (copy == null)
            {
                return null;
            }
            try
            {
                var map = new ExeConfigurationFileMap { ExeConfigFilename = copy };
                Configuration opened = ConfigurationManager.OpenMappedExeConfiguration(map, ConfigurationUserLevel.None);
                GC.KeepAlive(opened.AppSettings.Settings.Count);
                Install();
                return opened;
            }
            catch (ConfigurationException error)
            {
                throw new InvalidScriptException(path + ".config: " + error.Message, error);
            }
        }

        /// <summary>Sets the configuration that is read from now on; null for the bridge's own, which is empty.</summary>
        internal static void Use(Configuration current)
        {
            if (s_installed != null)
            {
                s_installed._current = current;
            }
        }

        object IInternalConfigSystem.GetSection(string configKey)
        {
            Configuration current = _current;
            if (current == null)
            {
                return _own.GetSection(configKey);
            }
            ConfigurationSection section = current.GetSection(configKey);
            return section == null ? null : RuntimeObject.Invoke(section, null);
        }

        void IInternalConfigSystem.RefreshConfig(string sectionName)
        {
        }

        private static void Install()
        {
            if (s_installed != null)
            {
                return;
            }
            MethodInfo change = typeof(ConfigurationManager).GetMethod(
                "ChangeConfigurationSystem", BindingFlags.Static | BindingFlags.NonPublic);
            FieldInfo system = typeof(ConfigurationManager).GetField("configSystem", BindingFlags.Static | BindingFlags.NonPublic);
            s_installed = new ScriptConfig((IInternalConfigSystem)system.GetValue(null));
            change.Invoke(null, new object[] { s_installed });
        }
    }
}
